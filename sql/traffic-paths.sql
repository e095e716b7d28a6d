-- title: Traffic paths
-- meaning: outgoing bytes by the path that they took: within the VPC, peering, gateways, the internet
-- theme: paths
-- fields: traffic_path, packets, bytes
SELECT traffic_path,
       CASE traffic_path
           WHEN 1 THEN 'same VPC'
           WHEN 2 THEN 'internet gateway or gateway endpoint'
           WHEN 3 THEN 'virtual private gateway'
           WHEN 4 THEN 'peering within the region'
           WHEN 5 THEN 'peering between regions'
           WHEN 6 THEN 'local gateway'
           WHEN 7 THEN 'gateway endpoint'
           WHEN 8 THEN 'internet gateway'
       END          AS path,
       count(*)     AS flows,
       sum(packets) AS packets,
       sum(bytes)   AS bytes
FROM flow_logs
WHERE traffic_path IS NOT NULL
GROUP BY traffic_path
ORDER BY bytes DESC, traffic_path
