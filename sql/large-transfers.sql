-- title: Large transfers
-- meaning: accepted traffic between two addresses on one port that adds up to many bytes
-- theme: suspicious
-- fields: action, protocol, srcaddr, dstaddr, srcport, dstport, bytes
-- optional: tcp_flags
-- param: bytes integer 1073741824: bytes that make a transfer large
-- param: top integer 20: rows at most
SELECT srcaddr,
       dstaddr,
       service_port(srcport, dstport, tcp_flags) AS port,
       count(*)                                  AS flows,
       sum(bytes)                                AS bytes
FROM flow_logs
WHERE action = 'ACCEPT'
GROUP BY srcaddr, dstaddr, service_port(srcport, dstport, tcp_flags)
HAVING sum(bytes) >= $bytes
ORDER BY bytes DESC, srcaddr, dstaddr, port
LIMIT $top
