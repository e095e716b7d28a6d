-- has: 198.51.100.7 | ports of a host
-- has: 203.0.113.50 | hosts on a port | 445
-- has: 203.0.113.50
-- lacks: 198.51.100.8
-- lacks: 203.0.113.51
-- lacks: 203.0.113.52
WITH tried AS (SELECT DISTINCT srcaddr, dstaddr, dstport FROM vpc WHERE action = 'REJECT' AND dstport <> 0),
found AS (
    SELECT srcaddr, 'ports of a host' AS kind, dstaddr AS target, count(*) AS tried FROM tried GROUP BY ALL
    UNION ALL
    SELECT srcaddr, 'hosts on a port', dstport::VARCHAR, count(*) FROM tried GROUP BY ALL
)
SELECT f.srcaddr, kind, target, tried,
       (SELECT count(*) FROM vpc v WHERE v.action = 'REJECT' AND v.srcaddr = f.srcaddr
        AND if(kind = 'ports of a host', v.dstaddr = target, v.dstport::VARCHAR = target)) AS flows
FROM found f WHERE tried >= 15 ORDER BY tried DESC, f.srcaddr, kind, target
