-- title: Traffic to a destination
-- meaning: all that was sent to one address: sources, ports, protocols, accepted or refused
-- theme: talkers
-- fields: action, protocol, srcaddr, dstaddr, dstport, packets, bytes
-- param: destination address required: the receiving address
-- param: top integer 20: rows at most
SELECT srcaddr,
       dstport,
       coalesce(protocol_name(protocol), CAST(protocol AS VARCHAR)) AS protocol,
       action,
       count(*)     AS flows,
       sum(packets) AS packets,
       sum(bytes)   AS bytes
FROM flow_logs
WHERE dstaddr = $destination
GROUP BY srcaddr, dstport, protocol, action
ORDER BY bytes DESC, srcaddr, dstport, protocol, action
LIMIT $top
