-- title: Talking subnets
-- meaning: subnets by the bytes that their interfaces recorded, in both directions
-- theme: talkers
-- fields: subnet_id, packets, bytes
-- param: top integer 20: rows at most
SELECT subnet_id,
       count(*)     AS flows,
       sum(packets) AS packets,
       sum(bytes)   AS bytes
FROM flow_logs
WHERE subnet_id IS NOT NULL AND packets IS NOT NULL
GROUP BY subnet_id
ORDER BY bytes DESC, subnet_id
LIMIT $top
