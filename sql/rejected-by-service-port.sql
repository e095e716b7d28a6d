-- title: Rejected traffic by service port
-- meaning: refused flows by the port of the side that was called, so that refused answers count for the port they came from
-- theme: refused
-- fields: action, srcport, dstport, protocol, srcaddr, packets, bytes
-- optional: tcp_flags
-- param: top integer 20: rows at most
SELECT service_port(srcport, dstport, tcp_flags)                         AS port,
       protocol,
       service_name(service_port(srcport, dstport, tcp_flags), protocol) AS service,
       count(*)                                                          AS flows,
       count(DISTINCT srcaddr)                                           AS sources,
       sum(packets)                                                      AS packets,
       sum(bytes)                                                        AS bytes
FROM flow_logs
WHERE action = 'REJECT'
GROUP BY service_port(srcport, dstport, tcp_flags), protocol
ORDER BY flows DESC, port, protocol
LIMIT $top
