-- title: Accepted traffic
-- meaning: flows that were let through, by source, destination, destination port and protocol
-- theme: overview
-- fields: action, protocol, srcaddr, dstaddr, dstport, packets, bytes
-- param: top integer 20: rows at most
SELECT srcaddr,
       dstaddr,
       dstport,
       coalesce(protocol_name(protocol), CAST(protocol AS VARCHAR)) AS protocol,
       count(*)     AS flows,
       sum(packets) AS packets,
       sum(bytes)   AS bytes
FROM flow_logs
WHERE action = 'ACCEPT'
GROUP BY srcaddr, dstaddr, dstport, protocol
ORDER BY bytes DESC, srcaddr, dstaddr, dstport, protocol
LIMIT $top
