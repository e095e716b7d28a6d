-- title: Talking instances
-- meaning: EC2 instances by the bytes that their interfaces recorded, in both directions
-- theme: talkers
-- fields: instance_id, packets, bytes
-- param: top integer 20: rows at most
SELECT instance_id,
       count(*)     AS flows,
       sum(packets) AS packets,
       sum(bytes)   AS bytes
FROM flow_logs
WHERE instance_id IS NOT NULL AND packets IS NOT NULL
GROUP BY instance_id
ORDER BY bytes DESC, instance_id
LIMIT $top
