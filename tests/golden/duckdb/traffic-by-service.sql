-- has: REJECT | TCP | 443
-- lacks: 54000
WITH r AS (SELECT *, called(srcport, dstport, tcp_flags) p FROM vpc WHERE action IS NOT NULL)
SELECT action, word(protocol) w, p, service(p, protocol), count(*) n, sum(bytes) FROM r GROUP BY action, protocol, p ORDER BY n DESC, action, w, p LIMIT 40
