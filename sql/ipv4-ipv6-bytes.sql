-- title: IPv4 and IPv6 traffic
-- meaning: flows, packets and bytes of each version of the protocol, by the source address
-- theme: overview
-- fields: srcaddr, packets, bytes
SELECT 'IPv' || ip_version(srcaddr) AS version,
       count(*)     AS flows,
       sum(packets) AS packets,
       sum(bytes)   AS bytes
FROM flow_logs
GROUP BY ip_version(srcaddr)
HAVING count(ip_version(srcaddr)) > 0
ORDER BY version
