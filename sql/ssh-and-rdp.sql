-- title: SSH and RDP traffic
-- meaning: TCP flows to ports 22 and 3389, by source and destination, accepted and refused
-- theme: suspicious
-- fields: action, protocol, srcaddr, dstaddr, dstport, packets, bytes
-- param: top integer 20: rows at most
SELECT CASE dstport WHEN 22 THEN 'SSH' ELSE 'RDP' END AS service,
       srcaddr,
       dstaddr,
       count(*) FILTER (WHERE action = 'ACCEPT')      AS accepted,
       count(*) FILTER (WHERE action = 'REJECT')      AS rejected,
       sum(packets)                                   AS packets,
       sum(bytes)                                     AS bytes
FROM flow_logs
WHERE protocol = 6 AND dstport IN (22, 3389)
GROUP BY dstport, srcaddr, dstaddr
ORDER BY accepted DESC, rejected DESC, service, srcaddr, dstaddr
LIMIT $top
