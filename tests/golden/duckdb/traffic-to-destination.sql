-- given: destination=10.0.1.10
-- has: 203.0.113.50
-- lacks: 203.0.113.52
SELECT srcaddr, dstport, word(protocol) w, action, count(*), sum(packets), sum(bytes) b FROM vpc WHERE dstaddr = '10.0.1.10' GROUP BY 1, 2, 3, 4 ORDER BY b DESC, 1, 2, 3, 4 LIMIT 20
