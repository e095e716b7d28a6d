-- has: 10.0.2.21 | 198.51.100.200
-- lacks: NULL
SELECT srcaddr, dstaddr, count(*), sum(packets), sum(bytes) b FROM vpc WHERE srcaddr IS NOT NULL GROUP BY 1, 2 ORDER BY b DESC, 1, 2 LIMIT 20
