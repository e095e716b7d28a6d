-- title: Top TCP traffic of a source
-- meaning: TCP flows that one address sent, by destination and port
-- theme: talkers
-- fields: protocol, srcaddr, dstaddr, dstport, packets, bytes
-- param: source address required: the sending address
-- param: top integer 20: rows at most
SELECT dstaddr,
       dstport,
       service_name(dstport, 6) AS service,
       count(*)     AS flows,
       sum(packets) AS packets,
       sum(bytes)   AS bytes
FROM flow_logs
WHERE protocol = 6 AND srcaddr = $source
GROUP BY dstaddr, dstport
ORDER BY bytes DESC, dstaddr, dstport
LIMIT $top
