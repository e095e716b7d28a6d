-- given: source=10.0.2.20
-- has: 52.94.0.9
-- lacks: 10.0.9.9
SELECT dstaddr, dstport, word(protocol) w, action, count(*), sum(packets), sum(bytes) b FROM vpc WHERE srcaddr = '10.0.2.20' GROUP BY 1, 2, 3, 4 ORDER BY b DESC, 1, 2, 3, 4 LIMIT 20
