SELECT dstaddr, dstport, word(protocol) w, action, count(*), sum(packets), sum(bytes) b FROM vpc WHERE srcaddr = '10.0.2.20' GROUP BY 1, 2, 3, 4 ORDER BY b DESC, 1, 2, 3, 4 LIMIT 20
