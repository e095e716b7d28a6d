-- title: Totals
-- meaning: records, flows that were let through and refused, packets, bytes, and how many addresses took part
-- theme: overview
-- fields: action, srcaddr, dstaddr, packets, bytes, start
-- optional: interface_id
SELECT count(*)                                  AS records,
       count(*) FILTER (WHERE action = 'ACCEPT') AS accepted,
       count(*) FILTER (WHERE action = 'REJECT') AS rejected,
       sum(packets)                              AS packets,
       sum(bytes)                                AS bytes,
       count(DISTINCT srcaddr)                   AS sources,
       count(DISTINCT dstaddr)                   AS destinations,
       count(DISTINCT interface_id)              AS interfaces,
       min(start_time)                           AS first,
       max(start_time)                           AS last
FROM flow_logs
ORDER BY records
