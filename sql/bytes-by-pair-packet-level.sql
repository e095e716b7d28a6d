-- title: Bytes by pair at packet level
-- meaning: bytes between each original source and final destination address
-- theme: talkers
-- fields: pkt_srcaddr, pkt_dstaddr, packets, bytes
-- param: top integer 20: rows at most
SELECT pkt_srcaddr,
       pkt_dstaddr,
       count(*)     AS flows,
       sum(packets) AS packets,
       sum(bytes)   AS bytes
FROM flow_logs
WHERE pkt_srcaddr IS NOT NULL
GROUP BY pkt_srcaddr, pkt_dstaddr
ORDER BY bytes DESC, pkt_srcaddr, pkt_dstaddr
LIMIT $top
