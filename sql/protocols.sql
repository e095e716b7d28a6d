-- title: Protocols
-- meaning: flows, packets and bytes of each protocol, accepted and refused
-- fields: action, protocol, packets, bytes
SELECT coalesce(protocol_name(protocol), CAST(protocol AS VARCHAR)) AS protocol,
       count(*) FILTER (WHERE action = 'ACCEPT')                    AS accepted,
       count(*) FILTER (WHERE action = 'REJECT')                    AS rejected,
       sum(packets)                                                 AS packets,
       sum(bytes)                                                   AS bytes
FROM flow_logs
WHERE protocol IS NOT NULL
GROUP BY coalesce(protocol_name(protocol), CAST(protocol AS VARCHAR))
ORDER BY bytes DESC, protocol
