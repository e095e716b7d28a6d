-- title: Port scans
-- meaning: sources whose refused flows tried many ports of one host, or one port of many hosts
-- theme: suspicious
-- fields: action, srcaddr, dstaddr, dstport
-- param: ports integer 15: ports of one host that make a scan
-- param: hosts integer 15: hosts on one port that make a scan
-- param: top integer 20: rows at most
WITH refused AS (
    SELECT srcaddr, dstaddr, dstport, count(*) AS flows
    FROM flow_logs
    WHERE action = 'REJECT' AND dstport > 0
    GROUP BY srcaddr, dstaddr, dstport
),
down_a_host AS (
    SELECT srcaddr, 'ports of a host' AS kind, dstaddr AS target, count(*) AS tried, sum(flows) AS flows
    FROM refused
    GROUP BY srcaddr, dstaddr
    HAVING count(*) >= $ports
),
across_hosts AS (
    SELECT srcaddr, 'hosts on a port' AS kind, CAST(dstport AS VARCHAR) AS target, count(*) AS tried, sum(flows) AS flows
    FROM refused
    GROUP BY srcaddr, dstport
    HAVING count(*) >= $hosts
)
SELECT srcaddr, kind, target, tried, flows FROM down_a_host
UNION ALL
SELECT srcaddr, kind, target, tried, flows FROM across_hosts
ORDER BY tried DESC, srcaddr, kind, target
LIMIT $top
