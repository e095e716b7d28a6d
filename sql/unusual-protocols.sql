-- title: Unusual protocols
-- meaning: flows that are neither TCP, UDP, ICMP nor IPv6-ICMP: tunnels, routing, and what should not be there
-- theme: suspicious
-- fields: action, protocol, srcaddr, dstaddr, packets, bytes
-- param: top integer 20: rows at most
SELECT coalesce(protocol_name(protocol), CAST(protocol AS VARCHAR)) AS protocol,
       srcaddr,
       dstaddr,
       action,
       count(*)     AS flows,
       sum(packets) AS packets,
       sum(bytes)   AS bytes
FROM flow_logs
WHERE protocol NOT IN (1, 6, 17, 58)
GROUP BY protocol, srcaddr, dstaddr, action
ORDER BY bytes DESC, protocol, srcaddr, dstaddr, action
LIMIT $top
