// The words that an alert and many other pages need, in English.
import type { Shared } from './shared'

export const sharedEn: Shared = {
  /** An alert’s own page. */
  alert: {
    'alert.why': 'Why it fired', 'alert.snooze': 'Snooze this device', 'alert.rule': 'rule {id}', 'alert.seen': 'Values the rule saw', 'alert.parts': 'The rule, part by part', 'alert.todo': 'What to do now', 'alert.chart': 'Chart', 'alert.steps': 'What happened',
    'alert.auto': 'Done automatically', 'alert.latched': 'It does not end with the readings: once the site is safe, press "Reset on site" on the gateway\'s own page on site, not here.', 'alert.came': 'Reached the street at {at}', 'alert.where': 'Where', 'alert.state.active': 'Active', 'alert.previous': 'Happened within 24 hours: {id}, closed {at} as {outcome}',
    'alert.previous.open': 'Happened within 24 hours: {id}, not closed yet', 'alert.nocard': 'There is no card for this kind of alert yet. Go and look; with fire, smoke or injuries call 119 at once.',
    'alert.gone': 'There is no such alert', 'alert.gone.hint': 'The number may be wrong, its time of keeping may be over, or it is not in your part of the street. Ask your administrator if you need to see it.',
    'alert.gone.link': 'Back to the list', 'alert.loading': 'Reading the alert',
  },
  /** Points, and reasons why there is no value; the words on the left are those of profiles, rules and drivers. */
  names: {
    'point.health': 'Trust',
    'point.power': 'Power', 'point.current': 'Current', 'point.voltage': 'Voltage', 'point.energy': 'Energy', 'point.relay': 'Relay', 'point.temperature': 'Temperature', 'point.plugged': 'Plug',
    'point.frequency': 'Frequency', 'point.power_factor': 'Power factor', 'point.voltage_l1': 'Voltage L1', 'point.voltage_l2': 'Voltage L2', 'point.voltage_l3': 'Voltage L3', 'point.current_l1': 'Current L1',
    'point.current_l2': 'Current L2', 'point.current_l3': 'Current L3', 'point.power_l1': 'Power L1', 'point.power_l2': 'Power L2', 'point.power_l3': 'Power L3', 'point.level': 'Gas level',
    'point.status': 'Status', 'point.open': 'Valve', 'point.on': 'Siren', 'point.contact': 'Door', 'point.lock': 'Lock', 'point.rex': 'Exit button', 'point.tamper': 'Tamper', 'point.fire': 'Fire input',
    'point.connected': 'Connection', 'point.fps': 'Frame rate', 'point.bitrate': 'Bit rate', 'point.keyframe_age': 'Key-frame age', 'point.frozen': 'Picture', 'point.state': 'Picture state',
    'point.black': 'Covered or black', 'point.collapsed': 'Bit rate collapsed', 'point.stuttering': 'Stuttering', 'point.bitrate_ratio': 'Bit rate against usual', 'point.connect_ms': 'Time to connect',
    'point.first_key_ms': 'Time to first key frame', 'point.keyframe_interval': 'Key-frame interval', 'point.width': 'Picture width', 'point.height': 'Picture height', 'point.size_changes': 'Changes of size',
    'point.rtp_drift': 'Stream clock drift', 'point.clock_offset': 'Clock offset', 'point.answering': 'Answering devices', 'point.devices': 'Devices on it', 'point.up': 'Line', 'point.uptime': 'Uptime',
    'point.backlog_events': 'Events to send', 'point.backlog_telemetry': 'Records to send', 'point.disk_free': 'Free disk', 'point.buffer_time': 'Offline buffer', 'point.session.active': 'Charging', 'point.session.duration': 'Charging time',
    'point.session.energy': 'Charged energy', 'point.session.peak': 'Peak power', 'point.session.knee': 'Current tapers', 'point.session.tail': 'Time in tail', 'point.session.flat': 'Time at full power',
    'point.session.capacity': 'Battery capacity', 'reason.timeout': 'no answer', 'reason.corrupt': 'checksum wrong', 'reason.mismatch': 'answer does not match', 'reason.refused': 'refused by the device',
    'reason.no_such_point': 'the device has no such point', 'reason.channel_down': 'line is down', 'reason.not_read': 'paused, will be tried again', 'reason.unsupported': 'not supported by the driver',
    'reason.out_of_range': 'outside the plausible range', 'reason.rate_exceeded': 'changed too fast', 'reason.stuck': 'has not moved for long', 'reason.sensor_fault': 'sensor fault',
    'reason.sensor_expired': 'sensor past its life', 'reason.warming_up': 'warming up', 'reason.shielded': 'disabled or not connected', 'reason.over_range': 'above what it can measure',
    'reason.under_range': 'below what it can measure', 'reason.auth_failed': 'wrong user or password', 'reason.frozen': 'picture does not move', 'reason.driver_crashed': 'driver program ended',
    'reason.gateway_off': 'gateway was not running', 'reason.device_busy': 'device is busy', 'reason.missing': 'no record', 'reason.evicted': 'gateway storage was full, old data removed',
    'reason.damaged': 'gateway storage was damaged', 'reason.rejected': 'data was rejected', 'reason.write_failed': 'gateway could not write', 'reason.gateway_offline': 'gateway offline',
    'reason.unknown': 'unknown reason', 'reason.not_configured': 'the device was not configured then', 'reason.bus_down': 'bus is down', 'reason.device_silent': 'device does not answer',
    'reason.link_down': 'gateway out of reach, data is kept there', 'reason.late': 'on its way', 'reason.parked': 'kept aside by the cloud, could not be applied',
    'reason.power_cut': 'not yet on disk when the power was cut', 'reason.restored': 'an old disk was restored on the gateway', 'reason.clock_unknown': 'the gateway did not know the time',
    'reason.unexplained': 'nothing says why',
  },
  /** An alert’s page and the desk: steps, limits, axes, tabs. */
  desk: {
    'tab.detail': 'Details', 'tab.flow': 'Flow',
    'tabs': 'Two views of this alert',
    'call': 'Call', 'more': 'More', 'merge': 'Merge into another alert', 'more.title': 'What else you can do',
    'waiting': 'Nothing is asked of you now.', 'waiting.for': '{who} goes on with it.',
    'finished.wait': 'Said to be done; waits for the check.',
    'axes': 'State', 'axes.condition': 'On the spot', 'axes.handling': 'Handling', 'axes.open': 'Not taken', 'axes.none': 'no sensor', 'axes.to': 'with {who}', 'axes.by': 'by {who}',
    'axes.suspended': 'put off until {at} by {who}', 'axes.disputed': 'disputed', 'axes.urged': 'urged {n} times', 'axes.reworked': 'sent back {n} times', 'axes.maintenance': 'device fault',
    'axes.complaint': 'a resident called', 'axes.person': 'reported by people', 'axes.merged': 'merged into {id}',
    'due': '{what} within {for}',
    'late': '{what}: overdue by {for}',
    'due.none': 'no limit',
    'next.verified': 'Take', 'next.accepted': 'Accept', 'next.dispatched': 'Dispatch', 'next.in_progress': 'Begin', 'next.finished': 'Finish', 'next.checked': 'Check', 'next.closed': 'Close',
    'step.reported': 'Reported', 'step.verified': 'Verified', 'step.accepted': 'Accepted', 'step.dispatched': 'Dispatched', 'step.in_progress': 'In hand', 'step.checked': 'Checked', 'step.closed': 'Closed',
    'step.rated': 'Rated', 'step.finished': 'Done',
    'rail': 'Progress', 'rail.now': 'now', 'rail.late': 'late',
    'evidence': 'Evidence',
    'photo.alt': 'Photo by {who}, {at}', 'photo.big': 'Enlarge photo',
    'field.whistle.1': 'First: grid and property', 'field.whistle.2': 'Joint: the street\'s departments', 'field.whistle.3': 'Last: the district',
    'ratelink': 'Ask the resident', 'ratelink.title': 'Link to rate it', 'ratelink.text': 'Send this link to the resident; it works once within 30 days:',
    'ratelink.nopublic': 'It cannot be sent yet: the system has no public address. Ask the administrator to set public_url, then come back. The key of this time:',
  },
  /** Curves. */
  chart: {
    'limit': 'limit {value}', 'span': 'alert', 'gap': 'no data', 'suspect': 'some uncertain or bad', 'downsampled': 'Points merged, minimum and maximum kept', 'none': 'No data in this time.',
    'gapat': 'no data: {why}', 'gapat.plain': 'no data', 'label': 'Chart of {name}, {from} to {to}, minimum {min}, maximum {max}{limit}', 'label.empty': 'Chart of {name}: no data in this time',
    'pick': 'Point', 'range': 'Time range', 'hours': 'Last {n} h', 'loading': 'Reading the chart', 'latest': 'latest',
  },
  /** Devices, the quality of values, lines of a timeline, small deeds. */
  common: {
    'kind.gas': 'Gas detectors', 'kind.socket': 'Charging sockets', 'kind.valve': 'Gas valves', 'kind.siren': 'Sirens', 'kind.door': 'Doors', 'kind.camera': 'Cameras', 'kind.meter': 'Meters', 'kind.co': 'CO detectors', 'kind.rcd': 'Residual current', 'kind.reader': 'Card readers',
    'kind.relay': 'Relays', 'kind.sensor': 'Room sensors', 'kind.gas_log': 'Gas alarm log', 'kind.incident': 'Handling of incidents', 'kind.site': 'Site', 'kind.zone': 'Zone', 'kind.gateway': 'Gateway', 'kind.channel': 'Buses', 'kind.other': 'Other devices',
    'device.all': 'All {n} points', 'device.shows': 'the meter shows {value}', 'device.points': 'Points', 'device.gone': 'There is no such device, or you may not see it.', 'device.offline.since': 'offline since {at}',
    'device.nopoints': 'No point has been read yet.', 'step.fired': 'Fired', 'step.action': 'Action', 'step.notified': 'Notified', 'step.taken': 'Taken',
    'step.recovered': 'Recovered', 'step.closed': 'Closed', 'step.note': 'Note', 'step.severity': 'Level', 'step.overdue': 'Overdue', 'step.step': 'Handling',
    'step.other': 'Other', 'quality.good': 'Good', 'quality.uncertain': 'Uncertain', 'quality.bad': 'Bad', 'quality.stale': 'Stale', 'stale.why': 'out of date',
    'act.phones': 'Show full phone numbers', 'act.call': 'Call {name}', 'act.busy': 'Sending…', 'act.details': 'Details', 'part.more': 'Show more',
  },
}
