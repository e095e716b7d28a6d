-- title: Ingress from outside to private hosts
-- meaning: accepted flows that an address of the internet opened to a private address, by destination and port
-- theme: suspicious
-- fields: action, protocol, srcaddr, dstaddr, srcport, dstport, bytes
-- optional: tcp_flags
-- param: top integer 20: rows at most
SELECT dstaddr,
       dstport,
       service_name(dstport, protocol) AS service,
       count(*)                        AS flows,
       count(DISTINCT srcaddr)         AS sources,
       sum(bytes)                      AS bytes
FROM flow_logs
WHERE action = 'ACCEPT'
  AND NOT is_private(srcaddr)
  AND is_private(dstaddr)
  AND service_port(srcport, dstport, tcp_flags) = dstport
GROUP BY dstaddr, dstport, protocol
ORDER BY bytes DESC, dstaddr, dstport, service
LIMIT $top
