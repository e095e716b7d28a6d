-- title: Traffic by service
-- meaning: flows and bytes let through and refused, by the port of the side that was called
-- theme: overview
-- fields: action, srcport, dstport, protocol, bytes
-- optional: tcp_flags
-- param: top integer 40: rows at most
SELECT action,
       coalesce(protocol_name(protocol), CAST(protocol AS VARCHAR))                                                           AS protocol,
       service_port(srcport, dstport, tcp_flags)                         AS port,
       service_name(service_port(srcport, dstport, tcp_flags), protocol) AS service,
       count(*)                                                          AS flows,
       sum(bytes)                                                        AS bytes
FROM flow_logs
WHERE action IN ('ACCEPT', 'REJECT')
GROUP BY action, protocol, service_port(srcport, dstport, tcp_flags)
ORDER BY flows DESC, action, protocol, port
LIMIT $top
