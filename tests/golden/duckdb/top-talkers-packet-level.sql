-- has: 10.0.2.20 | 30 | 9
-- lacks: NULL
SELECT pkt_srcaddr, count(*), count(DISTINCT pkt_dstaddr), sum(packets), sum(bytes) b FROM vpc WHERE pkt_srcaddr IS NOT NULL GROUP BY 1 ORDER BY b DESC, 1 LIMIT 20
