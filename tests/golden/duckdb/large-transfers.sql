-- has: 10.0.2.21 | 198.51.100.200 | 443 | 4 | 1073741824
-- lacks: 198.51.100.201
SELECT srcaddr, dstaddr, called(srcport, dstport, tcp_flags) p, count(*), sum(bytes) b FROM vpc WHERE action = 'ACCEPT' GROUP BY 1, 2, 3 HAVING b >= 1024 * 1024 * 1024 ORDER BY b DESC
