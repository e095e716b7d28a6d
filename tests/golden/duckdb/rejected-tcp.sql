SELECT srcaddr, dstaddr, dstport, count(*) n, sum(packets), sum(bytes) FROM vpc WHERE action = 'REJECT' AND protocol = 6 GROUP BY 1, 2, 3 ORDER BY n DESC, 1, 2, 3 LIMIT 20
