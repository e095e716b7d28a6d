-- title: Rejected traffic by port
-- meaning: flows that security groups or network ACLs refused, by destination port and protocol
-- theme: refused
-- order: 1
-- fields: action, dstport, protocol, srcaddr, packets, bytes
-- param: top integer 10: rows at most
SELECT dstport,
       protocol,
       service_name(dstport, protocol) AS service,
       count(*)                        AS flows,
       count(DISTINCT srcaddr)         AS sources,
       sum(packets)                    AS packets,
       sum(bytes)                      AS bytes
FROM flow_logs
WHERE action = 'REJECT'
GROUP BY dstport, protocol
ORDER BY flows DESC, dstport, protocol
LIMIT $top
