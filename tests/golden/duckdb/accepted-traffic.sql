-- has: 10.0.2.21 | 198.51.100.200
-- lacks: 198.51.100.202
SELECT srcaddr, dstaddr, dstport, word(protocol) w, count(*), sum(packets), sum(bytes) b FROM vpc WHERE action = 'ACCEPT' GROUP BY 1, 2, 3, 4 ORDER BY b DESC, 1, 2, 3, 4 LIMIT 20
