-- has: 198.51.100.20 | 10.0.2.5 | 22
-- has: 198.51.100.20
-- lacks: 198.51.100.21
-- lacks: 192.168.7.9
SELECT srcaddr, dstaddr, count(*) n, sum(packets), sum(bytes) FROM vpc WHERE action = 'ACCEPT' AND dstport = 22 AND protocol = 6 AND packets < 41 GROUP BY 1, 2 HAVING n > 19 ORDER BY n DESC, 1, 2
