-- title: Traffic to admin ports
-- meaning: TCP flows to ports of remote administration: SSH, telnet, RPC, SMB, RDP, VNC, WinRM and web consoles (8080, 8443, 10000)
-- theme: suspicious
-- fields: action, protocol, srcaddr, dstaddr, dstport, packets, bytes
-- param: top integer 20: rows at most
SELECT dstport,
       service_name(dstport, 6) AS service,
       action,
       srcaddr,
       dstaddr,
       count(*)     AS flows,
       sum(packets) AS packets,
       sum(bytes)   AS bytes
FROM flow_logs
WHERE protocol = 6 AND dstport IN (22, 23, 135, 445, 3389, 5900, 5985, 5986, 8080, 8443, 10000)
GROUP BY dstport, action, srcaddr, dstaddr
ORDER BY bytes DESC, dstport, action, srcaddr, dstaddr
LIMIT $top
