-- title: Rejected TCP traffic
-- meaning: refused TCP flows by source, destination and destination port
-- theme: refused
-- fields: action, protocol, srcaddr, dstaddr, dstport, packets, bytes
-- param: top integer 20: rows at most
SELECT srcaddr,
       dstaddr,
       dstport,
       count(*)     AS flows,
       sum(packets) AS packets,
       sum(bytes)   AS bytes
FROM flow_logs
WHERE action = 'REJECT' AND protocol = 6
GROUP BY srcaddr, dstaddr, dstport
ORDER BY flows DESC, srcaddr, dstaddr, dstport
LIMIT $top
