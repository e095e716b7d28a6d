-- title: Top talkers at packet level
-- meaning: original source addresses, behind NAT gateways and load balancers too, that sent most bytes
-- theme: talkers
-- fields: pkt_srcaddr, pkt_dstaddr, packets, bytes
-- param: top integer 20: rows at most
WITH pairs AS (
    SELECT pkt_srcaddr, pkt_dstaddr, count(*) AS flows, sum(packets) AS packets, sum(bytes) AS bytes
    FROM flow_logs
    WHERE pkt_srcaddr IS NOT NULL
    GROUP BY pkt_srcaddr, pkt_dstaddr
)
SELECT pkt_srcaddr,
       sum(flows)         AS flows,
       count(pkt_dstaddr) AS destinations,
       sum(packets)       AS packets,
       sum(bytes)         AS bytes
FROM pairs
GROUP BY pkt_srcaddr
ORDER BY bytes DESC, pkt_srcaddr
LIMIT $top
