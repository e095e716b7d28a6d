-- title: Traffic across availability zones
-- meaning: bytes that left an interface for another zone, which AWS bills, by the pair of zones
-- theme: paths
-- fields: az_id, next_hop_az_id, flow_direction, packets, bytes
-- param: top integer 20: rows at most
SELECT az_id,
       next_hop_az_id,
       count(*)     AS flows,
       sum(packets) AS packets,
       sum(bytes)   AS bytes
FROM flow_logs
WHERE flow_direction = 'egress' AND az_id <> next_hop_az_id
GROUP BY az_id, next_hop_az_id
ORDER BY bytes DESC, az_id, next_hop_az_id
LIMIT $top
