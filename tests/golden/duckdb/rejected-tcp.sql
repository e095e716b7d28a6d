-- has: 203.0.113.52 | 10.0.1.11 | 8443 | 20
-- lacks: 198.51.100.93
SELECT srcaddr, dstaddr, dstport, count(*) n, sum(packets), sum(bytes) FROM vpc WHERE action = 'REJECT' AND protocol = 6 GROUP BY 1, 2, 3 ORDER BY n DESC, 1, 2, 3 LIMIT 20
