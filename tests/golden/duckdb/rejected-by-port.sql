-- has: 445 | 6 | microsoft-ds
-- lacks: 53
SELECT dstport, protocol, service(dstport, protocol), count(*) n, count(DISTINCT srcaddr), sum(packets), sum(bytes) FROM vpc WHERE action = 'REJECT' GROUP BY dstport, protocol ORDER BY n DESC, dstport, protocol LIMIT 10
