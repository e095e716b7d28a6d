-- title: Transit gateway drops by cause
-- meaning: packets that a transit gateway lost, by cause, gateway and attachment
-- theme: paths
-- table: tgw_flow_logs
-- fields: tgw_id, tgw_attachment_id, packets_lost_no_route, packets_lost_blackhole, packets_lost_mtu_exceeded, packets_lost_ttl_expired
-- param: top integer 20: rows at most
WITH lost AS (
    SELECT tgw_id,
           tgw_attachment_id,
           count(*) FILTER (WHERE packets_lost_no_route > 0)     AS no_route_flows,
           count(*) FILTER (WHERE packets_lost_blackhole > 0)    AS blackhole_flows,
           count(*) FILTER (WHERE packets_lost_mtu_exceeded > 0) AS mtu_exceeded_flows,
           count(*) FILTER (WHERE packets_lost_ttl_expired > 0)  AS ttl_expired_flows,
           sum(packets_lost_no_route)                            AS no_route,
           sum(packets_lost_blackhole)                           AS blackhole,
           sum(packets_lost_mtu_exceeded)                        AS mtu_exceeded,
           sum(packets_lost_ttl_expired)                         AS ttl_expired
    FROM tgw_flow_logs
    WHERE packets_lost_no_route > 0 OR packets_lost_blackhole > 0 OR packets_lost_mtu_exceeded > 0
       OR packets_lost_ttl_expired > 0
    GROUP BY tgw_id, tgw_attachment_id
),
by_cause AS (
    SELECT 'no route' AS cause, tgw_id, tgw_attachment_id, no_route_flows AS flows, no_route AS packets_lost FROM lost
    UNION ALL
    SELECT 'blackhole', tgw_id, tgw_attachment_id, blackhole_flows, blackhole FROM lost
    UNION ALL
    SELECT 'MTU exceeded', tgw_id, tgw_attachment_id, mtu_exceeded_flows, mtu_exceeded FROM lost
    UNION ALL
    SELECT 'TTL expired', tgw_id, tgw_attachment_id, ttl_expired_flows, ttl_expired FROM lost
)
SELECT cause, tgw_id, tgw_attachment_id, flows, packets_lost
FROM by_cause
WHERE packets_lost > 0
ORDER BY packets_lost DESC, cause, tgw_id, tgw_attachment_id
LIMIT $top
