-- has: 198.18.0.1 | 10.0.2.20
-- lacks: NULL
SELECT pkt_srcaddr, pkt_dstaddr, count(*), sum(packets), sum(bytes) b FROM vpc WHERE pkt_srcaddr IS NOT NULL GROUP BY 1, 2 ORDER BY b DESC, 1, 2 LIMIT 20
