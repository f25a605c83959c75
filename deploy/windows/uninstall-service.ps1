<#
.SYNOPSIS
    Ends ntp-serve and removes what install-service.ps1 has made. Running it twice does nothing.
.EXAMPLE
    .\uninstall-service.ps1
#>
[CmdletBinding(SupportsShouldProcess)]
param(
    [ValidateNotNullOrEmpty()]
    [string]$Name = 'ntp-serve'
)

Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'

$identity = [Security.Principal.WindowsIdentity]::GetCurrent()
$isAdministrator = ([Security.Principal.WindowsPrincipal]$identity).IsInRole([Security.Principal.WindowsBuiltInRole]::Administrator)
if (-not $isAdministrator) {
    throw 'This takes an elevated PowerShell: right-click it, "Run as administrator".'
}

if (Get-ScheduledTask -TaskName $Name -ErrorAction SilentlyContinue) {
    if ($PSCmdlet.ShouldProcess($Name, 'Stop and remove the task')) {
        Stop-ScheduledTask -TaskName $Name
        Unregister-ScheduledTask -TaskName $Name -Confirm:$false
        Write-Output "$Name is removed."
    }
}
else {
    Write-Output "There is no task $Name."
}

if (Get-NetFirewallRule -Name $Name -ErrorAction SilentlyContinue) {
    if ($PSCmdlet.ShouldProcess($Name, 'Remove the rule of the firewall')) {
        Remove-NetFirewallRule -Name $Name
    }
}
