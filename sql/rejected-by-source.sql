-- title: Rejected traffic by source
-- meaning: who was refused most: source addresses with the ports and hosts that they tried
-- theme: refused
-- fields: action, srcaddr, dstaddr, dstport, packets, bytes
-- param: top integer 20: rows at most
SELECT srcaddr,
       count(*)                AS flows,
       count(DISTINCT dstaddr) AS destinations,
       count(DISTINCT dstport) AS ports,
       sum(packets)            AS packets,
       sum(bytes)              AS bytes
FROM flow_logs
WHERE action = 'REJECT'
GROUP BY srcaddr
ORDER BY flows DESC, srcaddr
LIMIT $top
