-- title: Transit gateway drops by cause
-- meaning: packets that a transit gateway lost, by cause, gateway and attachment
-- table: tgw_flow_logs
-- fields: tgw_id, tgw_attachment_id, packets_lost_no_route, packets_lost_blackhole, packets_lost_mtu_exceeded, packets_lost_ttl_expired
-- param: top integer 20: rows at most
WITH lost AS (
    SELECT cause,
           tgw_id,
           tgw_attachment_id,
           CASE cause
               WHEN 'no route' THEN packets_lost_no_route
               WHEN 'blackhole' THEN packets_lost_blackhole
               WHEN 'MTU exceeded' THEN packets_lost_mtu_exceeded
               WHEN 'TTL expired' THEN packets_lost_ttl_expired
           END AS packets
    FROM tgw_flow_logs
    CROSS JOIN (VALUES ('no route'), ('blackhole'), ('MTU exceeded'), ('TTL expired')) AS causes(cause)
)
SELECT cause,
       tgw_id,
       tgw_attachment_id,
       count(*)     AS flows,
       sum(packets) AS packets_lost
FROM lost
WHERE packets > 0
GROUP BY cause, tgw_id, tgw_attachment_id
ORDER BY packets_lost DESC, cause, tgw_id, tgw_attachment_id
LIMIT $top
