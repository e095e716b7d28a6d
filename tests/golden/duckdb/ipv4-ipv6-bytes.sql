-- has: IPv6 | 9
-- lacks: NULL
SELECT if(contains(srcaddr, ':'), 'IPv6', 'IPv4') v, count(*), sum(packets), sum(bytes) FROM vpc WHERE srcaddr IS NOT NULL GROUP BY 1 ORDER BY 1
