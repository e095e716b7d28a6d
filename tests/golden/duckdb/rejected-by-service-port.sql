-- has: 443 | 6 | https
-- lacks: 54000
WITH r AS (SELECT *, called(srcport, dstport, tcp_flags) p FROM vpc WHERE action = 'REJECT')
SELECT p, protocol, service(p, protocol), count(*) n, count(DISTINCT srcaddr), sum(packets), sum(bytes) FROM r GROUP BY p, protocol ORDER BY n DESC, p, protocol LIMIT 20
