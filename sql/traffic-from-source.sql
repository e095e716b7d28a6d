-- title: Traffic from a source
-- meaning: all that one address sent: destinations, ports, protocols, accepted or refused
-- theme: talkers
-- fields: action, protocol, srcaddr, dstaddr, dstport, packets, bytes
-- param: source address required: the sending address
-- param: top integer 20: rows at most
SELECT dstaddr,
       dstport,
       coalesce(protocol_name(protocol), CAST(protocol AS VARCHAR)) AS protocol,
       action,
       count(*)     AS flows,
       sum(packets) AS packets,
       sum(bytes)   AS bytes
FROM flow_logs
WHERE srcaddr = $source
GROUP BY dstaddr, dstport, protocol, action
ORDER BY bytes DESC, dstaddr, dstport, protocol, action
LIMIT $top
