SELECT srcaddr, count(*) n, count(DISTINCT dstaddr), count(DISTINCT dstport), sum(packets), sum(bytes) FROM vpc WHERE action = 'REJECT' GROUP BY 1 ORDER BY n DESC, srcaddr LIMIT 20
