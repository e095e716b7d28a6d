-- title: Top talkers
-- meaning: source addresses that sent most bytes
-- theme: talkers
-- fields: srcaddr, dstaddr, packets, bytes
-- param: top integer 20: rows at most
WITH pairs AS (
    SELECT srcaddr, dstaddr, count(*) AS flows, sum(packets) AS packets, sum(bytes) AS bytes
    FROM flow_logs
    WHERE srcaddr IS NOT NULL
    GROUP BY srcaddr, dstaddr
)
SELECT srcaddr,
       sum(flows)     AS flows,
       count(dstaddr) AS destinations,
       sum(packets)   AS packets,
       sum(bytes)     AS bytes
FROM pairs
GROUP BY srcaddr
ORDER BY bytes DESC, srcaddr
LIMIT $top
