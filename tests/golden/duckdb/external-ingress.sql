-- has: 10.0.3.30 | 6379 | redis
-- lacks: 49000
SELECT dstaddr, dstport, service(dstport, protocol) s, count(*), count(DISTINCT srcaddr), sum(bytes) b FROM vpc
WHERE action = 'ACCEPT' AND NOT private(srcaddr) AND private(dstaddr) AND called(srcport, dstport, tcp_flags) = dstport
GROUP BY dstaddr, dstport, protocol ORDER BY b DESC, 1, 2, 3 LIMIT 20
