-- title: SSH brute force
-- meaning: sources with many short accepted SSH flows to one host: each is a login that failed, or a script
-- theme: suspicious
-- fields: action, protocol, srcaddr, dstaddr, dstport, packets, bytes
-- param: attempts integer 20: short flows from one source to one host
-- param: packets integer 40: packets of a short flow at most
-- param: top integer 20: rows at most
SELECT srcaddr,
       dstaddr,
       count(*)     AS attempts,
       sum(packets) AS packets,
       sum(bytes)   AS bytes
FROM flow_logs
WHERE action = 'ACCEPT' AND protocol = 6 AND dstport = 22 AND packets <= $packets
GROUP BY srcaddr, dstaddr
HAVING count(*) >= $attempts
ORDER BY attempts DESC, srcaddr, dstaddr
LIMIT $top
