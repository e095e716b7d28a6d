-- has: 10.0.2.21 | 1
-- lacks: NULL
SELECT srcaddr, count(*), count(DISTINCT dstaddr), sum(packets), sum(bytes) b FROM vpc WHERE srcaddr IS NOT NULL GROUP BY 1 ORDER BY b DESC, 1 LIMIT 20
