-- has: GRE
-- lacks: 10.0.0.2
SELECT word(protocol) w, srcaddr, dstaddr, action, count(*), sum(packets), sum(bytes) b FROM vpc WHERE protocol IS NOT NULL AND protocol <> 6 AND protocol <> 17 AND protocol <> 1 AND protocol <> 58 GROUP BY 1, 2, 3, 4 ORDER BY b DESC, 1
