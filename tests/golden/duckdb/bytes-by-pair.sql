SELECT srcaddr, dstaddr, count(*), sum(packets), sum(bytes) b FROM vpc WHERE srcaddr IS NOT NULL GROUP BY 1, 2 ORDER BY b DESC, 1, 2 LIMIT 20
