-- has: GRE | 1 | 0
-- lacks: NULL
SELECT word(protocol) w, sum((action = 'ACCEPT')::INT), sum((action = 'REJECT')::INT), sum(packets), sum(bytes) b FROM vpc WHERE protocol IS NOT NULL GROUP BY 1 ORDER BY b DESC, 1
