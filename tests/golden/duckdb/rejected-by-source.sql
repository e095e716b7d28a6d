-- has: 203.0.113.50 | 15
-- lacks: 198.51.100.20
SELECT srcaddr, count(*) n, count(DISTINCT dstaddr), count(DISTINCT dstport), sum(packets), sum(bytes) FROM vpc WHERE action = 'REJECT' GROUP BY 1 ORDER BY n DESC, srcaddr LIMIT 20
