-- title: Bytes by pair
-- meaning: bytes between each source and destination address
-- theme: talkers
-- fields: srcaddr, dstaddr, packets, bytes
-- param: top integer 20: rows at most
SELECT srcaddr,
       dstaddr,
       count(*)     AS flows,
       sum(packets) AS packets,
       sum(bytes)   AS bytes
FROM flow_logs
WHERE srcaddr IS NOT NULL
GROUP BY srcaddr, dstaddr
ORDER BY bytes DESC, srcaddr, dstaddr
LIMIT $top
